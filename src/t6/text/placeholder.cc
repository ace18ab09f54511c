namespace t6 {}
