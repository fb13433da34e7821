# Compiler flags of the whole tree, and how a unit test is declared.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wwrite-strings
	-Wmissing-prototypes -Wformat=2 -fno-common -fstack-protector-strong)
add_compile_definitions(_GNU_SOURCE SHOVELER_VERSION="${PROJECT_VERSION}")
# Debian 13's c-ares deprecates the calls that Debian 12's has no others for.
add_compile_definitions(CARES_NO_DEPRECATED)
if(SHOVELER_WERROR)
	add_compile_options(-Werror)
endif()
if(SHOVELER_SANITIZE)
	add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined
		-fno-omit-frame-pointer)
	add_link_options(-fsanitize=address,undefined)
else()
	add_compile_definitions($<$<CONFIG:RelWithDebInfo>:_FORTIFY_SOURCE=2>)
	add_link_options(-Wl,-z,relro,-z,now)
endif()

# shoveler_test(NAME SOURCES file... LIBS library...): a cmocka test program.
function(shoveler_test name)
	cmake_parse_arguments(arg "" "" "SOURCES;LIBS" ${ARGN})
	pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
	add_executable(${name} ${arg_SOURCES})
	target_link_libraries(${name} PRIVATE ${arg_LIBS} PkgConfig::CMOCKA)
	add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
	set_tests_properties(${name} PROPERTIES TIMEOUT 900)
endfunction()
