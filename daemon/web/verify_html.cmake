# SPDX-License-Identifier: Apache-2.0
# cmake -DOUT=verify.html -DFROM=daemon/web -P verify_html.cmake: the page that checks a document without a network, one file: the very
# scripts that the site serves, one behind the other, and their hashes in the page's own policy.
function(base64 out hex)
  set(digits ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/)
  set(text "")
  foreach(at RANGE 0 60 6)
    string(SUBSTRING "${hex}0000" ${at} 6 three) # 32 bytes and one more that is 0
    math(EXPR value "0x${three}")
    foreach(shift 18 12 6 0)
      math(EXPR digit "(${value} >> ${shift}) & 63")
      string(SUBSTRING ${digits} ${digit} 1 c)
      string(APPEND text ${c})
    endforeach()
  endforeach()
  string(SUBSTRING ${text} 0 43 text)
  set(${out} "${text}=" PARENT_SCOPE)
endfunction()

set(SCRIPT "\n")
foreach(name verify verify_words verify_page)
  file(READ ${FROM}/static/${name}.js part)
  string(REGEX REPLACE "\nimport [^\n]*" "" part "${part}")
  string(APPEND SCRIPT "${part}")
endforeach()
set(STYLE [[
body{font:1.1em/1.5 system-ui,sans-serif;margin:0 auto;max-width:44em;padding:1em}
code{overflow-wrap:anywhere;font-size:1.05em}
#result{border-inline-start:.4em solid transparent;padding-inline-start:1em}
#result[data-ok=true]{border-color:#070}
#result[data-ok=false]{border-color:#b00}
input[type=text]{max-width:100%}
@media print{form,label[for=lang],select{display:none}}
]])
string(SHA256 hash "${SCRIPT}")
base64(SCRIPT_HASH ${hash})
string(SHA256 hash "${STYLE}")
base64(STYLE_HASH ${hash})
configure_file(${FROM}/verify.html.in ${OUT} @ONLY)
