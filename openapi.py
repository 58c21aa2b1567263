def describe(routes):
    return b"{}"
