/** For `node --import`: nothing this process connects to is beyond this machine. */
import { closeTheWayOut } from '../support/no-way-out.ts';

closeTheWayOut();
