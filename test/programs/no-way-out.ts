/** For `node --import`: nothing this process connects to is beyond this machine. */
import { closeTheWayOut } from '../support/network/no-way-out.ts';

closeTheWayOut();
