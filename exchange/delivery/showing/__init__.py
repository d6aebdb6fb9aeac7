"""What a grant shows of stored records, written in one pass over their bytes (ADR 0019).

Records are as their contract let them pass. What the pass does not know it doubts: escapes in a
name or in a masked value. Then, and for row filters and hashes, projection.py does the work.
"""
