"""Language models: loading, where their residual stream is, their tokens and their read-out."""
