"""What an earlier process of the same sweep left unfinished, found and put right."""
