import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiSecurity } from '@nestjs/swagger';

export const PUBLIC = 'foretell:public';

/** Open to everybody, with keys configured or not. */
export const Public = () => applyDecorators(SetMetadata(PUBLIC, true), ApiSecurity({}));
