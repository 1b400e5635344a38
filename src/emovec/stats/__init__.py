"""The statistics that corpus, geometry and steering share."""
