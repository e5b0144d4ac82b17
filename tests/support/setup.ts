// Runs before each test file: a test that calls fast-check by itself gets the fixed seed too.
import fc from 'fast-check';
import { SEED } from './prop.ts';

fc.configureGlobal({ seed: SEED });
