"""What is wrong with a corpus, and what beside emotion sets its stories apart."""
