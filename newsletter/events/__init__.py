"""What mail providers report about mails, and what follows from it."""
