# cmake -DSHOVELER=program -DIN=shoveler.cf.5.in -DOUT=shoveler.cf.5 -P generate-settings.cmake
execute_process(COMMAND ${SHOVELER} conf --mdoc OUTPUT_VARIABLE SETTINGS
	OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
configure_file(${IN} ${OUT} @ONLY)
