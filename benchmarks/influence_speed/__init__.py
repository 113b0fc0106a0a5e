"""What influence costs, compared with other libraries.

`job` makes the job that all of them do, `routes` lists the ways to do it and `contest` runs them; `primitives` measures
the parts of tfdrop's engine. `rivals` has a program for each library, tfdrop among them.
"""
