// What a webhook's body must look like: one table of paths, checked in order.

export class Invalid extends Error {}

const DATE = '\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])';
const TIME = '([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d';

const kinds = {
  object: [isObject, 'an object'],
  text: [(v) => typeof v === 'string', 'a string'],
  filled: [(v) => typeof v === 'string' && v !== '', 'a string that is not empty'],
  integer: [Number.isInteger, 'an integer'], // 1.0 is one in JavaScript, as in JSON Schema
  instant: matching(`${DATE}T${TIME}(\\.\\d{1,9})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)`, 'an ISO 8601 instant such as 2026-01-21T14:30:00Z'),
  local: matching(`${DATE}T${TIME}`, 'a local date and time such as 2026-01-21T14:30:00'),
  phone: matching('\\+224 ?6\\d{2} ?\\d{2} ?\\d{2} ?\\d{2}', 'a Guinean mobile number'),
  email: matching('[^@ ]+@[^@ ]+', 'an e-mail address'),
  url: matching('https?://.*', 'a URL'),
  type: oneOf('appointment.created', 'appointment.updated', 'appointment.cancelled', 'appointment.validated', 'appointment.completed'),
  status: oneOf('SCHEDULED', 'COMPLETED', 'CANCELLED', 'NO_SHOW', 'PENDING_PAYMENT'),
};

// A question mark: the field may be left out, or null.
const ENVELOPE = { id: 'filled', type: 'type', created: 'instant', data: 'object', 'data.object': 'object' };
const APPOINTMENT = {
  id: 'integer',
  departmentId: 'integer',
  department: 'object',
  'department.id': 'integer',
  'department.name': 'text',
  'department.organization': 'object',
  'department.organization.id': 'integer',
  'department.organization.name': 'text',
  dateTime: 'local',
  status: 'status',
  name: 'text',
  phone: 'phone?',
  email: 'email?',
  qrCode: 'url?',
  createdAt: 'instant',
  creditsUsed: 'integer?',
};
const ONLY_IN = {
  'appointment.updated': { updatedAt: 'instant', changes: 'object' },
  'appointment.cancelled': { cancelledAt: 'instant', cancelledBy: 'text', cancelReason: 'text?', creditsRefunded: 'integer?' },
};

// Deeper JSON is no event; what comes later need not fear for the stack.
const DEEPEST = 64;

// parse returns the event in a body of bytes, or throws Invalid.
export function parse(bytes) {
  let text, event;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    event = JSON.parse(text);
  } catch {
    throw new Invalid('the body is not JSON');
  }
  if (!isObject(event)) throw new Invalid('the body: expected an object');
  if (depth(event) > DEEPEST) throw new Invalid(`the body is nested more than ${DEEPEST} levels deep`);
  check(event, ENVELOPE, '');
  const appointment = event.data.object;
  check(appointment, { ...APPOINTMENT, ...ONLY_IN[event.type] }, 'data.object.');
  if (event.type === 'appointment.updated') {
    for (const [field, change] of Object.entries(appointment.changes)) {
      if (!isObject(change)) throw new Invalid(`data.object.changes.${field}: expected an object`);
    }
  }
  return { id: event.id, type: event.type, data: memberSource(text, 'data') };
}

function check(root, fields, prefix) {
  for (const [path, spec] of Object.entries(fields)) {
    const [holds, expected] = kinds[spec.replace('?', '')];
    const value = path.split('.').reduce((object, name) => (Object.hasOwn(object, name) ? object[name] : undefined), root);
    if (spec.endsWith('?') && (value === undefined || value === null)) continue;
    if (value === undefined) throw new Invalid(`${prefix}${path} is missing`);
    if (!holds(value)) throw new Invalid(`${prefix}${path}: expected ${expected}`);
  }
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function matching(pattern, expected) {
  const expression = new RegExp(`^${pattern}$`);
  return [(v) => typeof v === 'string' && expression.test(v), expected];
}

function oneOf(...values) {
  return [(v) => values.includes(v), `one of ${values.join(', ')}`];
}

function depth(root) {
  let deepest = 0;
  const unseen = [[root, 1]];
  while (unseen.length > 0) {
    const [value, level] = unseen.pop();
    if (typeof value !== 'object' || value === null) continue;
    deepest = Math.max(deepest, level);
    for (const inner of Object.values(value)) unseen.push([inner, level + 1]);
  }
  return deepest;
}

// memberSource is the text of a member of the object that text holds, as it was
// sent. Parsed and written again, 9007199254740993 would become ...992, and the
// effect would go to somebody else's appointment.
function memberSource(text, name) {
  let level = 0, key, start, found;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if ('}]'.includes(token)) level--;
    if (start !== undefined && ((level === 1 && token === ',') || level === 0)) {
      found = text.slice(start, index); // the last one counts, as for JSON.parse
      start = undefined;
    }
    if ('{['.includes(token)) level++;
    else if (level === 1 && token === ':' && start === undefined && key === name) start = index + 1;
    else if (level === 1 && token[0] === '"') key = JSON.parse(token);
  }
  return found.trim();
}
