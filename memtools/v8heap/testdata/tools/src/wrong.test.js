import { expect, test } from 'vitest';
import { area } from './shapes.js';

test('is wrong', () => expect(area(3, 4)).toBe(13));
