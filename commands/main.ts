import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';

await yargs(hideBin(process.argv))
  .scriptName('farpoint')
  .demandCommand(1)
  .strict()
  .help()
  .parseAsync();
