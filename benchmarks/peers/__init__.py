"""What people use today, written as one who knows each tool well would write it."""
