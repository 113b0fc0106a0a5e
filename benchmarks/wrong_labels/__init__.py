"""Does dropping help where labels are wrong, and which ranking finds them best?"""
