//! Packfiles as tables of Apache DataFusion.
