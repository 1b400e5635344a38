"""What a study is, and what of it is done."""
