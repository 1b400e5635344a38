"""One way to ask a hosted model, through Inspect."""
