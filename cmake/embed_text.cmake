# Turns a file into a C source that holds its bytes, with a NUL behind them:
# cmake -DOUT=x.c -DFILE=x.json -DHEADER=api/x.h -DSYMBOL=hg_x -P this
file(READ ${FILE} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUT}.new "#include \"${HEADER}\"\n\nconst unsigned char ${SYMBOL}[] = {${bytes}0x00};\n")
file(RENAME ${OUT}.new ${OUT})
