"""Does replay tell what leaving samples out of the same training does? Against hundreds of retrainings.

The trainings are kept in a bank, a folder, and go on where they were stopped.
"""
