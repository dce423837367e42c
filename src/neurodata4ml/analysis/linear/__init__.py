"""The shared linear algebra: Gram matrices, downdated per fold, factorised once for many labellings."""
