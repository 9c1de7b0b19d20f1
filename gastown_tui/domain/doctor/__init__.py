"""What must be right for a town to work: facts about a machine in, findings out."""
