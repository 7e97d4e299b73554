EXPECTED: dict[str, str] = {
    "social_network to postgresql": "",
    "social_network to mariadb": "",
    "billing to postgresql": "",
    "billing to duckdb": "",
    "billing to mariadb": "",
    "wiki to mariadb": "",
    "wiki to postgresql": "",
    "store to mariadb": "",
    "store to postgresql": "",
    "library to sqlite": "",
    "library to postgresql": "",
    "library to duckdb": "",
}
