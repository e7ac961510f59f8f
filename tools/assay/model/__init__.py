"""The records: pydantic models of every file Assay reads or writes. They import nothing else of the package."""
