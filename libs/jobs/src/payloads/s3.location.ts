import { ConfigError } from '#libs/config';

/** A bucket, and where its objects are. */
export interface S3Location {
  bucket: string;
  /** What the keys of objects are appended to. */
  base: string;
  region: string;
}

const SHAPE = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:\/[\w.-]+)*)\/?(?:\?(.*))?$/;
const WRITE = 'write s3://bucket/prefix?endpoint=https://host&region=name';

/**
 * Reads `s3://bucket/prefix?endpoint=…&region=…`; the bucket stands in the path where there is an
 * endpoint, and in the host name at AWS, which asks for that.
 * @throws ConfigError
 */
export function s3Location(storeUrl: string): S3Location {
  const [, bucket, prefix = '', query] = SHAPE.exec(storeUrl) ?? [];
  if (bucket === undefined) throw new ConfigError(`STORE_URL: no bucket; ${WRITE}`);
  const {
    endpoint,
    region = 'us-east-1',
    ...others
  } = Object.fromEntries(new URLSearchParams(query));
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new ConfigError(`STORE_URL: unknown part ${unknown}; ${WRITE}`);
  if (endpoint !== undefined && !isHttp(endpoint)) {
    throw new ConfigError(`STORE_URL: the endpoint must be http:// or https://; ${WRITE}`);
  }
  const host =
    endpoint === undefined
      ? `https://${bucket}.s3.${region}.amazonaws.com`
      : `${endpoint.replace(/\/+$/, '')}/${bucket}`;
  return { bucket, base: `${host}${prefix}/`, region };
}

function isHttp(endpoint: string): boolean {
  return /^https?:\/\//.test(endpoint) && URL.canParse(endpoint);
}
