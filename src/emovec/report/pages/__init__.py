"""The pages that emovec writes."""
