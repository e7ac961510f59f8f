"""What Assay writes for people: new workspaces and the JSON Schemas of all files."""
