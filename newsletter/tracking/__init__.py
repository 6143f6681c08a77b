"""What readers tell us after a digest was handed over."""
