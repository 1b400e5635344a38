"""Stories and dialogues written by a language model: what is asked, in which language, and what came back."""
