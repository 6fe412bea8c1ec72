"""The dashboard: does the desk work? One look for a manager, who decides nothing here.

`facts` asks the database; `health`, `numbers`, `panels` and `use` make of it what is shown;
`charts` is the geometry of the pictures.
"""
