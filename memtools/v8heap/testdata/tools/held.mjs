import { existsSync } from 'node:fs';

// Holds the tool that reads its configuration until the test has seen it, however
// fast the tool is and however slow the machine.
const end = Date.now() + 30000;
while (!existsSync(process.env.TOOLS_HELD_UNTIL) && Date.now() < end);
