from tests.proofs.house import house

__all__ = ["house"]
