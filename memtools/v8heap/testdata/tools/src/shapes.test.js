import { expect, test } from 'vitest';
import { area, perimeter } from './shapes.js';

test('area', () => expect(area(3, 4)).toBe(12));
test('perimeter', () => expect(perimeter(3, 4)).toBe(14));
