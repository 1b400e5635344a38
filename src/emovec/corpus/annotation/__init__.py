"""Labels of texts by people and by models, and how far they agree."""
