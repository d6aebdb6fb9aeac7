"""What a grant shows of stored records, written in one pass over their bytes (ADR 0019).

What the pass does not know it doubts: what is no record of its version, control characters outside
of escapes, escapes in a name or in a masked value. Then, and for row filters and hashes,
projection/record.py does the work.
"""
