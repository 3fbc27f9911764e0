/* The commands of `starling`, one cmd_*.c each. */
#ifndef SL_TOOLS_COMMANDS_H
#define SL_TOOLS_COMMANDS_H

#include "args.h"

extern const struct sl_command sl_cmd_network;
extern const struct sl_command sl_cmd_node;
extern const struct sl_command sl_cmd_flash;
extern const struct sl_command sl_cmd_image;
extern const struct sl_command sl_cmd_sheet;
extern const struct sl_command sl_cmd_persona;
extern const struct sl_command sl_cmd_chat;
extern const struct sl_command sl_cmd_send;
extern const struct sl_command sl_cmd_inbox;
extern const struct sl_command sl_cmd_people;
extern const struct sl_command sl_cmd_channels;
extern const struct sl_command sl_cmd_status;
extern const struct sl_command sl_cmd_neighbours;
extern const struct sl_command sl_cmd_radios;
extern const struct sl_command sl_cmd_doctor;
extern const struct sl_command sl_cmd_simulate;

/* Parts of `starling node` in cmd_node_admission.c. */
int sl_node_request(struct sl_call *call);
int sl_node_admit(struct sl_call *call);
int sl_node_accept(struct sl_call *call);

#endif
