# The text files of a bag, and what the verifier keeps in its head.
sp_unit(test_bag_format unit SOURCES test_bag_format.c LINKS sp_archive)
sp_unit(test_verify_parts unit SOURCES test_verify_parts.c LINKS sp_archive)
