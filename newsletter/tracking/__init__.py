"""What readers and providers tell us after a digest was handed over."""
