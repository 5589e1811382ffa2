import { parentPort } from 'node:worker_threads';
import { examine, type Examination } from './examine.ts';

parentPort?.on('message', (examination: Examination) => {
  void examine(examination).then((answers) => parentPort?.postMessage(answers));
});
parentPort?.postMessage('ready');
