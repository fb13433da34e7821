# embed_asset(OUT NAME FILE TYPE): makes OUT of static/FILE: the struct asset asset_NAME.
function(embed_asset out name file type)
	set(path ${CMAKE_CURRENT_SOURCE_DIR}/static/${file})
	set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
	file(SHA256 ${path} hash)
	string(SUBSTRING ${hash} 0 12 hash)
	file(SIZE ${path} size)
	file(READ ${path} text)
	string(REPLACE "\\" "\\\\" text "${text}")
	string(REPLACE "\"" "\\\"" text "${text}")
	string(REPLACE "\n" "\\n\"\n\t\"" text "${text}")
	file(CONFIGURE OUTPUT ${out} CONTENT "/* Made by web/embed.cmake of static/${file}. */
#include \"web/assets.h\"

const struct asset asset_${name} = {\"${type}\", \"${hash}\", ${size},
	\"${text}\"};
" @ONLY)
endfunction()
