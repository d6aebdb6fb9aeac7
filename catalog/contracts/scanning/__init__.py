"""Records of a contract checked in one pass over their bytes, compiled for the machine (ADR 0019).

The pass doubts what it does not know: escapes, unusual white space, numbers with an exponent. What
it passes is right; what it doubts is looked at again by the parent package, which alone refuses.
"""
