//! Sharing on, receipts, export: what goes beyond the points.
