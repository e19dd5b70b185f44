import { SetMetadata } from '@nestjs/common';

export const PUBLIC = 'foretell:public';

/** Open to everybody, with keys configured or not. */
export const Public = () => SetMetadata(PUBLIC, true);
