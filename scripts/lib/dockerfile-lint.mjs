import { DockerfileParser, JSONInstruction } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';

/** @import { Dockerfile, From, Instruction } from 'dockerfile-ast' */

/** Names that mean something to Node.js and CUDA rather than to Foretell. */
const OTHERS = /^(NODE_\w+|CUDA_\w+|NVIDIA_\w+)$/;
const MOVING_TAGS = new Set(['latest', 'lts', 'current', 'stable', 'edge']);

/**
 * @param {string} text of a Dockerfile
 * @param {ReadonlySet<string>} settings that ENV may name
 * @returns {string[]} complaints, each with `:line: ` before it
 */
export function lintDockerfile(text, settings) {
  const file = DockerfileParser.parse(text);
  return [
    ...validate(text).map(({ range, message }) =>
      at(range.start.line, typeof message === 'string' ? message : message.value),
    ),
    ...file.getFROMs().flatMap((from) => lintBase(from, file)),
    ...lintFinalStage(file, settings),
  ];
}

/**
 * @param {From} from
 * @param {Dockerfile} file
 */
function lintBase(from, file) {
  const image = from.getImage() ?? '';
  const stages = file.getFROMs().map((other) => other.getBuildStage());
  if (image === 'scratch' || stages.includes(image) || from.getImageDigest()) return [];
  const tag = from.getImageTag();
  return tag && !MOVING_TAGS.has(tag)
    ? []
    : [complain(from, `base image ${image} needs a tag that stays, such as node:24-bookworm-slim`)];
}

/**
 * @param {Dockerfile} file
 * @param {ReadonlySet<string>} settings
 */
function lintFinalStage(file, settings) {
  const from = file.getFROMs().at(-1);
  if (!from) return [at(0, 'there is no FROM')];
  const stage = file
    .getInstructions()
    .filter((i) => i.getRange().start.line >= from.getRange().start.line);
  /** @param {string} keyword */
  const last = (keyword) => stage.findLast((i) => i.getKeyword() === keyword);
  const complaints = [];

  const user = last('USER');
  const name = user?.getArguments()[0]?.getValue();
  if (!name || /^(root|0)(:|$)/.test(name)) {
    complaints.push(complain(user ?? from, 'the final stage must end as a USER other than root'));
  }
  const command = last('CMD');
  if (!isExecForm(command)) {
    complaints.push(
      complain(
        command ?? from,
        'the final stage needs a CMD ["in", "exec", "form"]: a shell would keep signals from the app',
      ),
    );
  }
  const entrypoint = last('ENTRYPOINT');
  if (entrypoint && !isExecForm(entrypoint)) {
    complaints.push(complain(entrypoint, 'ENTRYPOINT must be in exec form'));
  }
  for (const env of file.getENVs().filter((i) => stage.includes(i))) {
    for (const property of env.getProperties()) {
      if (!settings.has(property.getName()) && !OTHERS.test(property.getName())) {
        complaints.push(complain(env, `${property.getName()} is no setting of Foretell`));
      }
    }
  }
  return complaints;
}

/** @param {Instruction | undefined} instruction */
function isExecForm(instruction) {
  return (
    instruction instanceof JSONInstruction &&
    instruction.getOpeningBracket() !== null &&
    instruction.getClosingBracket() !== null
  );
}

/**
 * @param {Instruction} instruction
 * @param {string} message
 */
function complain(instruction, message) {
  return at(instruction.getRange().start.line, message);
}

/**
 * @param {number} line counted from 0
 * @param {string} message
 */
function at(line, message) {
  return `:${line + 1}: ${message}`;
}
