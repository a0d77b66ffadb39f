sp_unit(test_config unit SOURCES test_config.c LINKS sp_base)
