def check_address(url: str) -> str:
    return ""
