#!/usr/bin/python3
"""Writes the migrations as C: embed.py OUTPUT FILE... Each number must be there for both engines, from 0001 without a gap."""
import re
import sys
from pathlib import Path

output, files = sys.argv[1], [Path(f) for f in sys.argv[2:]]
found = {}
for file in files:
    match = re.fullmatch(r'(\d{4})_([a-z0-9_]+)\.(sqlite|pg)\.sql', file.name)
    if not match:
        sys.exit(f'{file}: not named NNNN_name.ENGINE.sql')
    found[int(match[1]), match[3]] = (match[2], file)
numbers = sorted({number for number, _ in found})
if numbers != list(range(1, len(numbers) + 1)):
    sys.exit('the migrations are not numbered from 0001 without a gap')
out = ['#include "store/store_engine.h"', '', f'const unsigned store_schema = {len(numbers)};']
for engine in 'sqlite', 'pg':
    out.append(f'\nconst char *const store_migrations_{engine}[] = {{')
    for number in numbers:
        if (number, engine) not in found:
            sys.exit(f'{number:04d}: missing for {engine}')
        name, file = found[number, engine]
        if name != found[number, 'sqlite'][0]:
            sys.exit(f'{number:04d}: named differently for {engine}')
        for line in file.read_text().splitlines():
            line = line.replace('\\', '\\\\').replace('"', '\\"')
            out.append(f'    "{line}\\n"')
        out.append('    ,')
    out.append('};')
Path(output).write_text('\n'.join(out) + '\n')
