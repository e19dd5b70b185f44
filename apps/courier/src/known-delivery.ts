import type { Delivery, DeliveryEvent, DeliveryState, JobRecord, Receiver } from '#libs/jobs';

/** What is known of a delivery that is to be made. */
export interface KnownDelivery {
  delivery: Delivery;
  event: DeliveryEvent;
  state: DeliveryState;
  record: JobRecord;
  receiver: Receiver;
}
