"""Nouns as clients see them: types, inputs, result unions, scalars, refusals. One file per noun; no business."""
