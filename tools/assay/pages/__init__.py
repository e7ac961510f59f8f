"""The pages of the site as Markdown, computed from a workspace; building and files are in `writer` and `building`."""
