sp_unit(test_config unit SOURCES test_config.c LINKS sp_base)
sp_unit(test_config_listen unit SOURCES test_config_listen.c LINKS sp_base)
sp_unit(test_config_auth unit SOURCES test_config_auth.c LINKS sp_base)
sp_unit(test_config_oauth unit SOURCES test_config_oauth.c LINKS sp_base)
sp_unit(test_config_doc unit SOURCES test_config_doc.c LINKS sp_base)
target_compile_definitions(test_config_doc PRIVATE
  SP_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
